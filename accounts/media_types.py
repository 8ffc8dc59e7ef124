"""What an answer is written in: JSON, or MessagePack for those who ask for it. The same in all realms."""

MESSAGEPACK = "application/msgpack"
_JSON = "application/json"


def prefers_messagepack(accept: str) -> bool:
    """Whether the header Accept (RFC 9110) names MessagePack, and puts nothing that is JSON before it."""
    if accept == MESSAGEPACK:
        return True
    if MESSAGEPACK not in accept.lower():
        return False
    weights = dict(_weighted(one) for one in accept.lower().split(","))
    weight = weights.get(MESSAGEPACK, 0)
    return weight > 0 and weight >= weights.get(_JSON, 0)


def _weighted(text: str) -> tuple[str, int]:
    """A media type and its weight in thousandths; one that cannot be read counts as whole."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        whole, _, part = value.partition(".")
        if name == "q" and whole in ("0", "1") and len(part) <= 3 and (not part or part.isdecimal()):
            return kind, int(whole) * 1000 + int(part.ljust(3, "0"))
    return kind, 1000
