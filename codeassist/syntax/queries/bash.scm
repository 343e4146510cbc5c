(function_definition name: (_) @name) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.variable)

; -- imports --
((command name: (command_name (word) @_command)) @import
  (#any-of? @_command "source" "."))
