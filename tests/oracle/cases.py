"""The file of cases that tests/oracle/case_file.cpp reads: one tagged value after the other."""
import struct

import torch


class Unwritable(Exception):
    """A value that no op of Taper takes: sparse tensors, functions."""


DTYPES = {dtype: str(dtype).replace("torch.", "").encode()
          for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
                        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool,
                        torch.complex64, torch.complex128)}


def text(value):
    return struct.pack("<I", len(value)) + value


def tensor(value):
    """Type, whether its gradient is wanted, sizes, strides, and the elements of its memory."""
    value = value.resolve_conj() if value.layout == torch.strided else value
    if value.dtype not in DTYPES or value.layout != torch.strided:
        raise Unwritable(f"tensor of {value.dtype}")
    if value.device.type != "cpu":
        raise Unwritable(f"tensor on {value.device}")
    if value.dim() > 64:
        raise Unwritable("tensor of more than 64 dimensions")
    if value._is_zerotensor():  # a gradient of zeros without memory
        value = torch.zeros(value.shape, dtype=value.dtype)
    plain = value.detach().resolve_neg()
    spans = [(n - 1) * s for n, s in zip(plain.shape, plain.stride())]
    flat = plain.as_strided((sum(spans) + 1 if plain.numel() else 0,), (1,),
                            plain.storage_offset()).contiguous()
    # numpy() of bfloat16 is not there.
    memory = flat.view(torch.int16 if flat.dtype == torch.bfloat16 else flat.dtype)
    return b"".join((
        b"t", text(DTYPES[value.dtype]), bytes((value.requires_grad,)),
        struct.pack(f"<I{2 * value.dim()}q", value.dim(), *value.shape, *value.stride()),
        text(memory.numpy().tobytes())))


def value(v):
    if v is None:
        return b"n"
    if isinstance(v, bool):
        return b"b" + bytes((v,))
    if isinstance(v, int):
        if not -2**63 <= v < 2**63:
            raise Unwritable("an integer of more than 64 bits")
        return b"i" + struct.pack("<q", v)
    if isinstance(v, float):
        return b"d" + struct.pack("<d", v)
    if isinstance(v, complex):  # a number as a tensor without dimensions
        return tensor(torch.tensor(v, dtype=torch.complex128))
    if isinstance(v, str):
        return b"s" + text(v.encode())
    if isinstance(v, torch.Tensor):
        return tensor(v)
    if isinstance(v, (torch.dtype, torch.memory_format)):
        return b"s" + text(str(v).replace("torch.", "").encode())
    if isinstance(v, (list, tuple)):
        return b"l" + struct.pack("<I", len(v)) + b"".join(map(value, v))
    if isinstance(v, dict):
        return b"m" + struct.pack("<I", len(v)) + b"".join(
            text(k.encode()) + value(each) for k, each in v.items())
    raise Unwritable(f"a {type(v).__name__}")
