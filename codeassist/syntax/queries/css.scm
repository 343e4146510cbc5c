(rule_set (selectors) @name) @definition.rule
(media_statement . (_) @name) @definition.section
(supports_statement . (_) @name) @definition.section
(keyframes_statement (keyframes_name) @name) @definition.section

; -- imports --
(import_statement) @import

; -- tags --
(declaration (property_name) @name) @definition.variable
