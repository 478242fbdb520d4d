"""Does it help? Arms, comparison and ablation over seeds, and the statistics that judge them."""
