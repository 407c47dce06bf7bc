"""Training: the LightningModule, its data, and callbacks."""
