"""Written by CMakeLists.txt where the compiled core is left out."""

WHY: str
