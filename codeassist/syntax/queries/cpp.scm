; The name of a function hides in its declarator, behind as many pointers and references as the result has.

(function_definition
  declarator: (function_declarator
    declarator: (qualified_identifier name: (qualified_identifier name: (_) @name)))) @definition.method
(function_definition
  declarator: (function_declarator declarator: (qualified_identifier name: (_) @name))) @definition.method
(function_definition
  declarator: (_
    (function_declarator declarator: (qualified_identifier name: (_) @name)))) @definition.method
(function_definition
  declarator: (function_declarator
    declarator: [(identifier) (field_identifier) (destructor_name) (operator_name)] @name)) @definition.function
(function_definition
  declarator: (_
    (function_declarator
      declarator: [(identifier) (field_identifier) (operator_name)] @name))) @definition.function
(function_definition declarator: (operator_cast type: (_) @name)) @definition.method
(field_declaration
  declarator: (function_declarator declarator: (_) @name)) @definition.method
(field_declaration
  declarator: (_ (function_declarator declarator: (field_identifier) @name))) @definition.method
(translation_unit
  (declaration declarator: (function_declarator declarator: (identifier) @name)) @definition.function)
(namespace_definition
  body: (declaration_list
    (declaration declarator: (function_declarator declarator: (identifier) @name)) @definition.function))

(namespace_definition name: (_) @name) @definition.module
(class_specifier name: (type_identifier) @name body: (_)) @definition.class
(class_specifier name: (template_type name: (_) @name) body: (_)) @definition.class
(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(struct_specifier name: (template_type name: (_) @name) body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.struct
(enum_specifier name: (_) @name body: (_)) @definition.enum
(concept_definition name: (_) @name) @definition.type
(alias_declaration name: (_) @name) @definition.type
(type_definition
  type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @definition.struct
(type_definition declarator: (type_identifier) @name) @definition.type

(preproc_def name: (_) @name) @definition.macro
(preproc_function_def name: (_) @name) @definition.macro
(field_declaration declarator: (field_identifier) @name) @definition.field
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @definition.variable)
(translation_unit (declaration declarator: (identifier) @name) @definition.variable)

; -- imports --
(preproc_include) @import
(using_declaration) @import

; -- tags --
(template_declaration (_) @inner .) @outer
; Members, behind as many pointers and brackets as their types have.
(field_declaration declarator: (field_identifier) @name) @definition.field
(field_declaration declarator: (pointer_declarator declarator: (field_identifier) @name)) @definition.field
(field_declaration
  declarator: (pointer_declarator
    declarator: (pointer_declarator declarator: (field_identifier) @name))) @definition.field
(field_declaration declarator: (array_declarator declarator: (field_identifier) @name)) @definition.field
(field_declaration
  declarator: (array_declarator
    declarator: (array_declarator declarator: (field_identifier) @name))) @definition.field
(field_declaration
  declarator: (pointer_declarator
    declarator: (array_declarator declarator: (field_identifier) @name))) @definition.field
(field_declaration
  declarator: (function_declarator
    declarator: (parenthesized_declarator
      (pointer_declarator declarator: (field_identifier) @name)))) @definition.field
(enumerator name: (_) @name) @definition.constant
(field_declaration declarator: (reference_declarator (field_identifier) @name)) @definition.field

; Prototypes stand in guards, namespaces, classes and `extern "C"`. Those in functions are left out later.
(declaration
  declarator: (function_declarator
    declarator: [(identifier) (destructor_name)] @name)) @definition.function
(declaration
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (identifier) @name))) @definition.function
(declaration
  declarator: (pointer_declarator
    declarator: (pointer_declarator
      declarator: (function_declarator declarator: (identifier) @name)))) @definition.function
(declaration
  declarator: (reference_declarator
    (function_declarator declarator: (identifier) @name))) @definition.function

; Variables in include guards, namespaces and `extern "C"`.
(translation_unit
  (declaration
    declarator: [
      (identifier) @name
      (init_declarator declarator: (identifier) @name)
      (_ declarator: (identifier) @name)
    ]) @definition.variable)
(preproc_ifdef
  (declaration
    declarator: [
      (identifier) @name
      (init_declarator declarator: (identifier) @name)
      (_ declarator: (identifier) @name)
    ]) @definition.variable)
(declaration_list
  (declaration
    declarator: [
      (identifier) @name
      (init_declarator declarator: (identifier) @name)
      (_ declarator: (identifier) @name)
    ]) @definition.variable)
