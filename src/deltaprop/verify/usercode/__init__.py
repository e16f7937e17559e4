"""A hand-written backprop: called in the style it is written in, compared with the equations, told what is wrong."""
