(module name: (_) @name) @definition.module
(class name: (_) @name) @definition.class
(method name: (_) @name) @definition.function
(singleton_method name: (_) @name) @definition.method
(assignment left: (constant) @name) @definition.constant

; -- imports --
((call !receiver method: (identifier) @_method) @import
  (#any-of? @_method "require" "require_relative" "load" "autoload"))

; -- tags --
((call method: (identifier) @_method arguments: (argument_list (simple_symbol) @name)) @definition.field
  (#any-of? @_method "attr_accessor" "attr_reader" "attr_writer"))
