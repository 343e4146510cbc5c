; A declaration of one thing is taken whole, one of several thing by thing.

(function_declaration name: (_) @name) @definition.function
(method_declaration name: (_) @name) @definition.method
(method_elem name: (_) @name) @definition.method

(type_declaration
  . (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) .) @definition.struct
(type_declaration . (type_spec name: (_) @name type: (interface_type)) .) @definition.interface
(type_declaration . (type_spec name: (_) @name) .) @definition.type
(type_declaration . (type_alias name: (_) @name) .) @definition.type
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @definition.struct
(type_spec name: (_) @name type: (interface_type)) @definition.interface
(type_spec name: (_) @name) @definition.type
(type_alias name: (_) @name) @definition.type

(source_file (const_declaration . (const_spec . name: (_) @name) .) @definition.constant)
(source_file (const_declaration (const_spec . name: (_) @name) @definition.constant))
(source_file (var_declaration . (var_spec . name: (_) @name) .) @definition.variable)
(source_file (var_declaration (var_spec_list (var_spec . name: (_) @name) @definition.variable)))
(struct_type (field_declaration_list (field_declaration name: (_) @name) @definition.field))

; -- imports --
(import_declaration) @import

; -- tags --
(type_declaration . (type_spec name: (_) @name type: (interface_type "{" @body)) .) @definition.interface
(type_spec name: (_) @name type: (interface_type "{" @body)) @definition.interface
; A type that is embedded gives its name to a field.
(field_declaration !name type: (type_identifier) @name) @definition.field
(field_declaration !name type: (qualified_type name: (_) @name)) @definition.field
(field_declaration !name type: (generic_type type: (type_identifier) @name)) @definition.field
; The names behind the first of `const A, B = 1, 2`.
(source_file (const_declaration (const_spec name: (_) name: (_) @name) @definition.constant))
(source_file (var_declaration (var_spec name: (_) name: (_) @name) @definition.variable))
