; Classes, functions in all their spellings, and names bound at the top of the file.

(class_declaration name: (_) @name) @definition.class
(function_declaration name: (_) @name) @definition.function
(generator_function_declaration name: (_) @name) @definition.function
(method_definition name: (_) @name) @definition.method

; const f = () => {}
(lexical_declaration
  . (variable_declarator
      name: (identifier) @name
      value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @definition.function
(variable_declaration
  . (variable_declarator
      name: (identifier) @name
      value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @definition.function
(lexical_declaration
  . (variable_declarator name: (identifier) @name value: (class body: (_) @body)) .) @definition.class
; module.exports.f = function () {}
(expression_statement
  (assignment_expression
    left: (member_expression property: (_) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @definition.function
; { f: () => {} }
(pair
  key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method

(field_definition
  property: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(field_definition property: (_) @name) @definition.field

(program (lexical_declaration "const" . (variable_declarator name: (identifier) @name) .) @definition.constant)
(program (lexical_declaration "const" (variable_declarator name: (identifier) @name) @definition.constant))
(program
  (export_statement
    (lexical_declaration "const" (variable_declarator name: (identifier) @name)) @definition.constant))
(program (lexical_declaration "let" (variable_declarator name: (identifier) @name) @definition.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))

; -- imports --
(import_statement) @import
(export_statement source: (_)) @import
(program
  (lexical_declaration
    (variable_declarator
      value: (call_expression function: (identifier) @_function (#eq? @_function "require")))) @import)
(program
  (variable_declaration
    (variable_declarator
      value: (call_expression function: (identifier) @_function (#eq? @_function "require")))) @import)

; -- tags --
(export_statement
  "default" @name
  value: [(arrow_function body: (_) @body) (function_expression !name body: (_) @body)]) @definition.function
(export_statement "default" @name value: (class !name body: (_) @body)) @definition.class
(export_statement declaration: (_) @inner) @outer
(export_statement
  (lexical_declaration
    . (variable_declarator
        name: (identifier) @name
        value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @definition.function)
(export_statement
  (lexical_declaration
    . (variable_declarator name: (identifier) @name value: (class body: (_) @body)) .) @definition.class)
(export_statement (lexical_declaration "const" . (variable_declarator name: (identifier) @name) .) @definition.constant)
(program (lexical_declaration "let" . (variable_declarator name: (identifier) @name) .) @definition.variable)
(export_statement (lexical_declaration "let" . (variable_declarator name: (identifier) @name) .) @definition.variable)

(call_expression function: (identifier) @_function arguments: (arguments . (string) @require .)
  (#eq? @_function "require"))
(call_expression function: (import) arguments: (arguments . (string) @require))
