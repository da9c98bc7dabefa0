echo changed >> data/x.csv
echo x > late/weights.bin
