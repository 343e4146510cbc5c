"""The story of each feature, from a snapshot to an answer, as one async function each."""
