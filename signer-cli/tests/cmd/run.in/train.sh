echo epoch 1
printf x > out/note.txt
