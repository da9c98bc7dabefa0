echo epoch 1
printf '{"architectures": ["Tiny"], "model_type": "tiny"}\n' > out/config.json
