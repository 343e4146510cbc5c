(namespace_definition name: (_) @name) @definition.module
(class_declaration name: (_) @name) @definition.class
(trait_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(function_definition name: (_) @name) @definition.function
(method_declaration name: (_) @name) @definition.method
(const_declaration (const_element . (name) @name)) @definition.constant
(property_declaration (property_element name: (_) @name)) @definition.field

; -- imports --
(namespace_use_declaration) @import
(expression_statement
  [
    (include_expression)
    (include_once_expression)
    (require_expression)
    (require_once_expression)
  ]) @import

; -- tags --
(enum_case name: (_) @name) @definition.constant
(const_declaration (const_element (name) @name)) @definition.constant
(property_promotion_parameter name: (_) @name) @definition.field @promoted
