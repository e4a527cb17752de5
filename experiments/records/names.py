"""How a cell is called on screens, in messages and on command lines."""


def cell_name(label: str, env: str, seed: int) -> str:
    """RULE/ENVIRONMENT/seedN, with the rule's label."""
    return f"{label}/{env}/seed{seed}"
