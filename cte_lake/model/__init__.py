"""The CTE model: fit, coefficient sets, correction, prediction and closure."""
