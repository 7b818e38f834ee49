"""Deep recommenders that learn from whole histories, one Lightning module for all of them.

Data flows through the files in this order: ``settings`` (what can be chosen), ``sequences``
and ``features`` (histories and side features as tensors), ``data`` (batches), ``cf`` (the
closed-form branch), ``branches`` (the trained ones; ``social`` and ``images`` hold those over
friends and pictures), ``inputs`` (what is known of the data), ``states`` (the gate that fuses
them, from one side or from both), ``loss``, ``gaps``, ``integrated`` (the module),
``training`` (Lightning) and ``models`` (the five recommenders).
"""
