"""The command line: results on stdout, progress and remarks on stderr, exit codes 0 fine, 1 failed, 2 usage."""
