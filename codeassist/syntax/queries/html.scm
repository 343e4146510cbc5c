; Headings, elements with an id, and the elements that divide a page.

((element (start_tag (tag_name) @_tag) (text) @name) @definition.section
  (#match? @_tag "^[hH][1-6]$"))
((element
   (start_tag
     (attribute (attribute_name) @_attribute (quoted_attribute_value (attribute_value) @name))))
  @definition.element
  (#eq? @_attribute "id"))
((element
   (self_closing_tag
     (attribute (attribute_name) @_attribute (quoted_attribute_value (attribute_value) @name))))
  @definition.element
  (#eq? @_attribute "id"))
((element (start_tag (tag_name) @name)) @definition.element
  (#any-of? @name "head" "body" "header" "nav" "main" "section" "article" "aside" "footer" "form" "table" "template"))

; -- imports --
((element (start_tag (tag_name) @_tag)) @import (#eq? @_tag "link"))
((script_element (start_tag (attribute (attribute_name) @_attribute))) @import (#eq? @_attribute "src"))
