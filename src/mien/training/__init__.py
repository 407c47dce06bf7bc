"""Training: the LightningModule, its data, callbacks and loggers."""
