$
*2.16

nMatMul

nPyFunc