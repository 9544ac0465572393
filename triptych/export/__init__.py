"""From a trained model to an immutable release in model_repository/."""
