"""Deep recommenders that learn from whole histories, one Lightning module for all of them.

Data flows through the files in this order: ``settings`` (what can be chosen), ``sequences``
and ``features`` (histories and side features as tensors), ``cf`` (the closed-form branch),
``branches`` (the trained ones), ``integrated`` (the gate that fuses them), ``loss``,
``training`` (Lightning) and ``models`` (the five recommenders).
"""
