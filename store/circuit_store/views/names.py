"""SQL that turns the integer indices of sources and ports (METHODS a.3) into names."""


def source(column: str) -> str:
    """SQL: the name of a forward node (METHODS a.3), as `a5.h3`."""
    layer, rest = f"({column} - 1) / (n_heads + 1)", f"({column} - 1) % (n_heads + 1)"
    return (
        f"CASE WHEN {column} = 0 THEN 'input' WHEN {rest} = n_heads THEN 'm' || ({layer})"
        f" ELSE 'a' || ({layer}) || '.h' || ({rest}) END"
    )


def destination(column: str) -> str:
    layer, rest = f"{column} / (3 * n_heads + 1)", f"{column} % (3 * n_heads + 1)"
    return (
        f"CASE WHEN {layer} = n_layers THEN 'logits' WHEN {rest} = 3 * n_heads THEN 'm' || ({layer})"
        f" ELSE 'a' || ({layer}) || '.h' || (({rest}) % n_heads) END"
    )


def port(column: str) -> str:
    layer, rest = f"{column} / (3 * n_heads + 1)", f"{column} % (3 * n_heads + 1)"
    return f"CASE WHEN {layer} < n_layers AND {rest} < 3 * n_heads THEN substr('qkv', 1 + ({rest}) / n_heads, 1) END"
