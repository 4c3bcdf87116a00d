"""`python -m circuit_tui` is the command `circuit-tui`."""

from circuit_tui.cli import main

if __name__ == "__main__":
    main(prog_name="circuit-tui")
