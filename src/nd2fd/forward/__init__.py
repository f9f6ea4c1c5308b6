"""The linear map from structure functions on nodes to event densities."""
