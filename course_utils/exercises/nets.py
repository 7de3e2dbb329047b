"""Was a net left as it was? For judges that hand one to an answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Parts = list[tuple[Tensor, torch.dtype, bool]]


def parts_of(net: nn.Module) -> Parts:
    """(values, dtype, whether it learns) of each parameter and buffer."""
    return [(part.detach().clone(), part.dtype, part.requires_grad)
            for part in (*net.parameters(), *net.buffers())]


def moved(net: nn.Module, before: Parts) -> bool:
    """Whether anything of `net` is not as `before` says (its mode is not looked at)."""
    after = parts_of(net)
    return len(after) != len(before) or any(
        new[1:] != old[1:] or not torch.equal(new[0], old[0])
        for new, old in zip(after, before, strict=True))
