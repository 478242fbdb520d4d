"""Does it help? Arms, comparison, ablation and proof of concept over seeds.

Nothing is imported here, so that whoever reads what was found needs no torch.
"""
