

nMatMul

nPyFunc