(struct_item name: (_) @name) @definition.struct
(union_item name: (_) @name) @definition.struct
(enum_item name: (_) @name) @definition.enum
(trait_item name: (_) @name) @definition.interface
(impl_item type: (generic_type type: (_) @name)) @definition.implementation
(impl_item type: (_) @name) @definition.implementation
(mod_item name: (_) @name body: (_)) @definition.module
(function_item name: (_) @name) @definition.function
(function_signature_item name: (_) @name) @definition.function
(macro_definition name: (_) @name) @definition.macro
(type_item name: (_) @name) @definition.type
(const_item name: (_) @name) @definition.constant
(static_item name: (_) @name) @definition.variable
(struct_item body: (field_declaration_list (field_declaration name: (_) @name) @definition.field))

; -- imports --
(use_declaration) @import
(extern_crate_declaration) @import
(mod_item !body) @import

; -- tags --
(enum_variant name: (_) @name) @definition.constant
(union_item body: (field_declaration_list (field_declaration name: (_) @name) @definition.field))
(associated_type name: (_) @name) @definition.type
