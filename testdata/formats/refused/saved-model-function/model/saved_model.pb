0
*2.16&

nMatMul


f
n	WriteFile