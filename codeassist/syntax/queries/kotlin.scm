(class_declaration "interface" name: (_) @name) @definition.interface
(class_declaration (modifiers (class_modifier "enum")) name: (_) @name) @definition.enum
(class_declaration name: (_) @name) @definition.class
(object_declaration name: (_) @name) @definition.class
(type_alias type: (_) @name) @definition.type
(function_declaration name: (_) @name) @definition.function
(secondary_constructor "constructor" @name) @definition.method
(source_file (property_declaration (variable_declaration . (identifier) @name)) @definition.variable)
(class_body (property_declaration (variable_declaration . (identifier) @name)) @definition.field)

; -- imports --
(import) @import

; -- tags --
(class_parameter ["val" "var"] (identifier) @name) @definition.field
(enum_entry . (identifier) @name) @definition.constant
(source_file (property_declaration (user_type) (variable_declaration . (identifier) @name)) @definition.variable)
