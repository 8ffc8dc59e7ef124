"""Settings: ``base`` is what every deployment shares, ``demo`` runs from a clone, ``production`` reads the environment."""
