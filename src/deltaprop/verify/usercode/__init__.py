"""A hand-written backprop: called in the style it is written in, held against the equations, told what is wrong."""
