; As in JavaScript, and the types. Also read for TSX.

(class_declaration name: (_) @name) @definition.class
(abstract_class_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(type_alias_declaration name: (_) @name) @definition.type
(enum_declaration name: (_) @name) @definition.enum
(internal_module name: (_) @name) @definition.module
(module name: (_) @name) @definition.module

(function_declaration name: (_) @name) @definition.function
(generator_function_declaration name: (_) @name) @definition.function
(function_signature name: (_) @name) @definition.function
(method_definition name: (_) @name) @definition.method
(method_signature name: (_) @name) @definition.method
(abstract_method_signature name: (_) @name) @definition.method

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

(public_field_definition
  name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(public_field_definition name: (_) @name) @definition.field
(property_signature name: (_) @name) @definition.field

(program (lexical_declaration "const" . (variable_declarator name: (identifier) @name) .) @definition.constant)
(program (lexical_declaration "const" (variable_declarator name: (identifier) @name) @definition.constant))
(program (lexical_declaration "let" (variable_declarator name: (identifier) @name) @definition.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(export_statement
  (lexical_declaration "const" (variable_declarator name: (identifier) @name)) @definition.constant)

; -- imports --
(import_statement) @import
(import_alias) @import
(export_statement source: (_)) @import
(program
  (lexical_declaration
    (variable_declarator
      value: (call_expression function: (identifier) @_function (#eq? @_function "require")))) @import)

; -- tags --
(export_statement
  "default" @name
  value: [(arrow_function body: (_) @body) (function_expression !name body: (_) @body)]) @definition.function
(export_statement "default" @name value: (class !name body: (_) @body)) @definition.class
(export_statement declaration: (_) @inner) @outer
(ambient_declaration (_) @inner) @outer
(export_statement
  (lexical_declaration
    . (variable_declarator
        name: (identifier) @name
        value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @definition.function)
(export_statement
  (lexical_declaration
    . (variable_declarator name: (identifier) @name value: (class body: (_) @body)) .) @definition.class)
(export_statement (lexical_declaration "const" . (variable_declarator name: (identifier) @name) .) @definition.constant)
(export_statement (lexical_declaration "let" . (variable_declarator name: (identifier) @name) .) @definition.variable)
(program (lexical_declaration "let" . (variable_declarator name: (identifier) @name) .) @definition.variable)
(ambient_declaration (lexical_declaration . (variable_declarator name: (identifier) @name) .) @definition.constant)
(ambient_declaration (variable_declaration . (variable_declarator name: (identifier) @name) .) @definition.variable)
(enum_body name: (property_identifier) @name @definition.constant)
(enum_body (enum_assignment name: (_) @name) @definition.constant)
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @definition.field @promoted
(required_parameter "readonly" pattern: (identifier) @name) @definition.field @promoted
(optional_parameter (accessibility_modifier) pattern: (identifier) @name) @definition.field @promoted

(call_expression function: (identifier) @_function arguments: (arguments . (string) @require .)
  (#eq? @_function "require"))
(call_expression function: (import) arguments: (arguments . (string) @require))
