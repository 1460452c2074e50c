"""The parts of run.py: workers, the pair protocol, whole-process rows, goals and the table."""
