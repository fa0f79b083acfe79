"""Static and dynamic concepts from video without labels.

The method of Qian et al., ECCV 2022 (arXiv 2207.12795), complete: data, views, objective,
pretraining and evaluation.
"""
