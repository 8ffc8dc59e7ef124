"""`manage.py doctor`: what an operator can get wrong, looked at one by one, each told with the setting and what to do about it.

A module for each subject, with functions that yield findings; ``examination`` has the order. Nothing is written anywhere, no lock
is held for long, and no secret is ever said. What takes long, the proof of the whole journal, is ``manage.py verify``'s.
"""
