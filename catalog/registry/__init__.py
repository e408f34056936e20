"""What MLflow holds, mirrored into Countersign's own database."""
