"""Features of a frozen network: of evaluation clips, and of training views."""
