// Carries the precompiled standard headers that every target reuses.
