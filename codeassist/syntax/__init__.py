"""What a text means as code: grammars, incremental trees, outlines, scopes, imports and statements."""
