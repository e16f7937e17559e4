"""How fast training and prediction run on this machine: the same work for every contender, in turns."""
