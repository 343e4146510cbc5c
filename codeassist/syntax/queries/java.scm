(class_declaration name: (_) @name) @definition.class
(record_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(annotation_type_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(method_declaration name: (_) @name) @definition.method
(constructor_declaration name: (_) @name) @definition.method
(compact_constructor_declaration name: (_) @name) @definition.method
(field_declaration declarator: (variable_declarator name: (_) @name)) @definition.field

; -- imports --
(import_declaration) @import

; -- tags --
(enum_constant name: (_) @name) @definition.constant
(constant_declaration declarator: (variable_declarator name: (_) @name)) @definition.constant
(annotation_type_element_declaration name: (_) @name) @definition.method
(record_declaration parameters: (formal_parameters (formal_parameter name: (_) @name) @definition.field))
