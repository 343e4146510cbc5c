(class_declaration "struct" name: (_) @name) @definition.struct
(class_declaration "enum" name: (_) @name) @definition.enum
(class_declaration "extension" name: (_) @name) @definition.implementation
(class_declaration name: (_) @name) @definition.class
(protocol_declaration name: (_) @name) @definition.interface
(typealias_declaration name: (type_identifier) @name) @definition.type
(function_declaration name: (simple_identifier) @name) @definition.function
(protocol_function_declaration name: (simple_identifier) @name) @definition.method
(init_declaration "init" @name) @definition.method
(source_file (property_declaration name: (pattern (simple_identifier) @name)) @definition.variable)
(class_body
  (property_declaration
    name: (pattern (simple_identifier) @name) computed_value: (_) @body) @definition.field)
(class_body (property_declaration name: (pattern (simple_identifier) @name)) @definition.field)

; -- imports --
(import_declaration) @import

; -- tags --
(enum_entry name: (simple_identifier) @name) @definition.constant
(protocol_property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field
(enum_class_body (property_declaration name: (pattern (simple_identifier) @name)) @definition.field)
