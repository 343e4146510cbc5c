(class_definition name: (_) @name) @definition.class
(object_definition name: (_) @name) @definition.class
(trait_definition name: (_) @name) @definition.interface
(enum_definition name: (_) @name) @definition.enum
(type_definition name: (_) @name) @definition.type
(function_definition name: (_) @name) @definition.function
(function_declaration name: (_) @name) @definition.function
(template_body (val_definition pattern: (identifier) @name) @definition.field)
(template_body (var_definition pattern: (identifier) @name) @definition.field)
(compilation_unit (val_definition pattern: (identifier) @name) @definition.variable)

; -- imports --
(import_declaration) @import

; -- tags --
(class_definition class_parameters: (class_parameters (class_parameter name: (_) @name) @definition.field))
(simple_enum_case name: (_) @name) @definition.constant
(full_enum_case name: (_) @name) @definition.constant
(val_declaration name: (_) @name) @definition.field
(given_definition name: (_) @name) @definition.variable
(package_object name: (_) @name) @definition.module
