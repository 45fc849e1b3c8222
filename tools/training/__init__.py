"""The parts of the network training; `train_network.py` puts them together."""
