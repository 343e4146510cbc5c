(function_declaration name: (method_index_expression method: (_) @name)) @definition.method
(function_declaration name: (dot_index_expression field: (_) @name)) @definition.function
(function_declaration name: (identifier) @name) @definition.function
; local f = function() end
(variable_declaration
  (assignment_statement
    (variable_list . name: (identifier) @name)
    (expression_list . (function_definition body: (_)? @body)))) @definition.function
(assignment_statement
  (variable_list . name: (identifier) @name)
  (expression_list . (function_definition body: (_)? @body))) @definition.function
(assignment_statement
  (variable_list . name: (dot_index_expression field: (_) @name))
  (expression_list . (function_definition body: (_)? @body))) @definition.function
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @definition.method

(chunk
  (variable_declaration (assignment_statement (variable_list . name: (identifier) @name))) @definition.variable)
(chunk (assignment_statement (variable_list . name: (identifier) @name)) @definition.variable)

; -- imports --
(chunk
  (variable_declaration
    (assignment_statement
      (expression_list
        value: (function_call name: (identifier) @_function (#eq? @_function "require"))))) @import)
(chunk (function_call name: (identifier) @_function (#eq? @_function "require")) @import)

; -- tags --
(chunk
  (assignment_statement
    (variable_list . name: (dot_index_expression field: (_) @name))
    (expression_list . [(number) (string) (true) (false) (table_constructor)])) @definition.field)

(function_call name: (identifier) @_function arguments: (arguments . (string) @require .)
  (#eq? @_function "require"))
