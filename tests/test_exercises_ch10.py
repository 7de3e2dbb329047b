"""Exercises of chapter 10: right answers in other forms, wrong ones named."""

import torch
from torch import nn

from course_utils.exercises import banks
from course_utils.exercises.judging import examine


def found(id, answer):
    return examine(banks.find(id), answer)


def test_other_right_convolutions():
    def by_torch(x, weight, bias, stride=1, padding=0):
        return nn.functional.conv2d(x[None], weight, bias, stride, padding)[0]

    def by_filters(x, weight, bias, stride=1, padding=0):
        k = weight.shape[-1]
        x = nn.functional.pad(x, [padding] * 4)
        rows = range(0, x.shape[1] - k + 1, stride)
        columns = range(0, x.shape[2] - k + 1, stride)
        return torch.stack([torch.stack([torch.stack([
            (x[:, r : r + k, c : c + k] * w).sum() + b for c in columns]) for r in rows])
            for w, b in zip(weight, bias, strict=True)])

    for answer in (by_torch, by_filters):
        assert found("cnn-convolve", answer).passed


def test_a_strided_net_with_changed_strides_only_passes():
    def by_stride(net):
        import copy
        parts = []
        for part in net:
            if isinstance(part, nn.MaxPool2d):
                conv = next(p for p in reversed(parts) if isinstance(p, nn.Conv2d))
                conv.stride = (2, 2)
            else:
                parts.append(copy.deepcopy(part))
        return nn.Sequential(*parts)

    assert found("cnn-without-pools", by_stride).passed
