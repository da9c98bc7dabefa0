&
*2.16

nMatMul

nReadFile