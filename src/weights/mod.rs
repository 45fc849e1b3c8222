//! Network files: npz, safetensors and PyTorch archives, and the embedded network.
