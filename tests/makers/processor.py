"""What this x86-64 processor says it can: the very answers by which codecs choose their functions."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Mapping

# By name: the question (EAX), the register of the answer (0-3 for EAX-EDX), and the bit in it.
# Intel's manual, volume 2A, CPUID.
FEATURES: Mapping[str, tuple[int, int, int]] = {
    "sse2": (1, 3, 26),
    "pclmulqdq": (1, 2, 1),
    "avx": (1, 2, 28),
    "avx2": (7, 1, 5),
    "bmi2": (7, 1, 8),
}

# void ask(uint32_t leaf, uint32_t part, uint32_t answer[4]), by the System V calling convention.
_ASK = bytes.fromhex(
    "53"  # push rbx: the caller's, and CPUID overwrites it
    "4989d0"  # mov r8, rdx
    "89f8"  # mov eax, edi
    "89f1"  # mov ecx, esi
    "0fa2"  # cpuid
    "418900"  # mov [r8], eax
    "41895804"  # mov [r8 + 4], ebx
    "41894808"  # mov [r8 + 8], ecx
    "4189500c"  # mov [r8 + 12], edx
    "5b"  # pop rbx
    "c3"  # ret
)


def has_feature(name: str) -> bool:
    """Whether the processor has one of FEATURES."""
    leaf, register, bit = FEATURES[name]
    return bool(_ask(leaf)[register] >> bit & 1)


def _ask(leaf: int) -> list[int]:
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
        page.write(_ASK)
        code = ctypes.c_char.from_buffer(page)
        answer = (ctypes.c_uint32 * 4)()
        kind = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
        kind(ctypes.addressof(code))(leaf, 0, ctypes.addressof(answer))
        del code  # it holds on to the page
        return list(answer)
