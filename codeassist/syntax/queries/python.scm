; Classes, functions, and names bound at the top of a module or class.

(class_definition name: (identifier) @name) @definition.class
(function_definition name: (identifier) @name) @definition.function
(type_alias_statement . (type (identifier) @name)) @definition.type
(type_alias_statement . (type (generic_type . (identifier) @name))) @definition.type

(module
  (expression_statement
    (assignment left: (identifier) @name right: (lambda body: (_) @body))) @definition.function)
(module (expression_statement (assignment left: (identifier) @name)) @definition.variable)
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name)) @definition.field))

; -- imports --
(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

; -- tags --
(module (expression_statement (assignment left: (pattern_list (identifier) @name))) @definition.variable)
(decorated_definition definition: (_) @inner) @outer
; Names that depend on the platform or on what is installed.
(module
  (if_statement
    consequence: (block (expression_statement (assignment left: (identifier) @name)) @definition.variable)))
(module
  (try_statement
    body: (block (expression_statement (assignment left: (identifier) @name)) @definition.variable)))
