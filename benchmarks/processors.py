"""The tests of core with the instructions of other processors: which of them this machine has, and whether all pass.

    python benchmarks/processors.py [PYTEST ARGUMENTS ...]     (else: tests/core -n 0)

PyTorch's own kernels at ATEN_CPU_CAPABILITY default, avx2 and avx512, and MKL_CBWR=COMPATIBLE, by which MKL multiplies
as on any processor; each with one thread and with two. What the machine lacks is named and left out.
"""

import os
import subprocess
import sys
import time

KERNELS = ("default", "avx2", "avx512")
CAPABILITY = "import torch; print(torch.backends.cpu.get_cpu_capability().lower())"


def settings() -> dict[str, dict[str, str]]:
    """Environment variables by title."""
    aten = {f"ATEN_CPU_CAPABILITY={kernel}": {"ATEN_CPU_CAPABILITY": kernel} for kernel in KERNELS}
    return aten | {"MKL_CBWR=COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"}}


def has(kernel: str) -> bool:
    """Whether this machine runs a kernel: PyTorch falls back to a lower one in silence."""
    env = os.environ | {"ATEN_CPU_CAPABILITY": kernel}
    run = subprocess.run([sys.executable, "-c", CAPABILITY], env=env, capture_output=True, text=True, check=True)
    return run.stdout.strip() == kernel


def main() -> None:
    arguments = sys.argv[1:] or ["tests/core", "-n", "0"]
    kernels = {kernel: has(kernel) for kernel in KERNELS}
    print("this machine has", ", ".join(k for k, there in kernels.items() if there), flush=True)
    failed = False
    for title, variables in settings().items():
        if not kernels.get(variables.get("ATEN_CPU_CAPABILITY", ""), True):
            print(f"{title:30} this machine lacks it", flush=True)
            continue
        for threads in (1, 2):
            env, began = os.environ | variables | {"TEST_THREADS": str(threads)}, time.perf_counter()
            command = [sys.executable, "-m", "pytest", *arguments]
            run = subprocess.run(command, env=env, capture_output=True, text=True)
            failed |= run.returncode != 0
            lines = run.stdout.strip().splitlines() or [run.stderr]
            said = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-1:]
            took = f"{time.perf_counter() - began:.0f} s"
            word = "failed" if run.returncode else "passed"
            print(f"{title:30} {threads} thread{'s' * (threads > 1)}: {word}, {took}", flush=True)
            for line in said if run.returncode else ():
                print("   ", line, flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
